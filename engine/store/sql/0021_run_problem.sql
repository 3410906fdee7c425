-- 0021_run_problem.sql - every open run has exactly one recorded reason to wait, and what it waits for is there; a run
-- that has ended waits for nothing. One view whose rows are the runs of which that is not true.
--
-- The engine writes reason and evidence in one commit. The view trusts none of that: it reads all rows anew, so that a
-- restored database, or one that somebody has written to by hand, can be proved too. No row: all is well. `billow doctor
-- --runs` reads it. A run with unread messages is about to be woken, and needs no other evidence.

CREATE VIEW billow.run_problem WITH (security_invoker = true) AS
SELECT tenant_id, run_id, problem FROM (
    SELECT r.tenant_id, r.run_id, CASE
        WHEN r.status = 1 AND r.wake NOT BETWEEN 1 AND 8 THEN 'is open and has no reason to wait'
        WHEN r.status = 1 AND has_mail THEN NULL
        WHEN r.status = 1 AND r.wake = 1 AND NOT r.is_active THEN 'is ready, but nothing would find it'
        WHEN r.status = 1 AND r.wake = 2 AND r.wake_at IS NULL THEN 'waits for a timer that has no time'
        WHEN r.status = 1 AND r.wake = 3 AND NOT has_wait THEN 'waits for an event that it has not asked for'
        WHEN r.status = 1 AND r.wake = 4 AND NOT r.is_active
            THEN 'waits for an effect of its own that nothing would begin'
        WHEN r.status = 1 AND r.wake = 5 AND NOT has_task THEN 'waits for a task that is not open'
        WHEN r.status = 1 AND r.wake = 6 AND NOT EXISTS (
                SELECT FROM billow.run_detail d JOIN billow.run c USING (tenant_id, run_id)
                WHERE d.tenant_id = r.tenant_id AND d.parent_id = r.run_id AND d.parent_seq > 0
                    AND c.status IN (1, 2))
            THEN 'waits for a child that has ended, or never was'
        WHEN r.status = 1 AND r.wake = 7 THEN 'waits for the database, which has answered nothing'
        WHEN r.status = 2 AND (r.wake <> 9 OR NOT r.has_error) THEN 'is parked without a reason'
        WHEN r.status = 2 AND (r.is_active OR r.wake_at IS NOT NULL) THEN 'is parked, and would be woken'
        WHEN r.status > 2 AND (r.wake <> 0 OR r.is_active OR r.wake_at IS NOT NULL)
            THEN 'has ended, and would be woken'
        WHEN r.status > 2 AND has_wait THEN 'has ended, and waits for an event'
        WHEN r.status > 2 AND has_task THEN 'has ended, and has an open task'
    END AS problem
    FROM billow.run r
    CROSS JOIN LATERAL (SELECT
        EXISTS (SELECT FROM billow.wait w WHERE w.tenant_id = r.tenant_id AND w.run_id = r.run_id) AS has_wait,
        EXISTS (SELECT FROM billow.task t WHERE t.tenant_id = r.tenant_id AND t.run_id = r.run_id
            AND t.status = 1) AS has_task,
        EXISTS (SELECT FROM billow.inbox i WHERE i.shard = r.shard AND i.tenant_id = r.tenant_id
            AND i.run_id = r.run_id AND NOT i.is_read) AS has_mail) AS has
) AS runs WHERE problem IS NOT NULL;

GRANT SELECT ON billow.run_problem TO billow_engine;
