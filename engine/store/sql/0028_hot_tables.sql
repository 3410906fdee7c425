-- 0028_hot_tables.sql - tables whose rows change or go are cleaned often and in small steps, as run and inbox are.

ALTER TABLE billow.wait SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
ALTER TABLE billow.event SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
ALTER TABLE billow.task SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
ALTER TABLE billow.run_detail SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05,
                                   autovacuum_vacuum_threshold = 500);
ALTER TABLE billow.value_blob SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
