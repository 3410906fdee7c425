-- 0155_setting_scopes.sql: a scope wider than packs, the firm's own defaults; a value of null ends a setting.
--
-- In force is, from wide to narrow: firm < pack < tenant < customer < contract, unless a wider one is locked.

ALTER TABLE billow.policy_setting DROP CONSTRAINT setting_scope;
ALTER TABLE billow.policy_setting ADD CONSTRAINT setting_scope
    CHECK (scope_type IN ('firm', 'pack', 'tenant', 'customer', 'contract'));
