-- 0130_explain.sql: what is behind every amount of an invoice, stored when it is issued (billow.billing.explained).
--
-- Entries with their rate path and rounding, steps to the totals, effects of ceilings, decisions of policies with version
-- and settings, the script's line, the approver. Null: a document that says itself what it stands for (a credit note
-- names the lines it credits), or one issued before this was kept.

alter table billing.invoice add column explanation jsonb;
