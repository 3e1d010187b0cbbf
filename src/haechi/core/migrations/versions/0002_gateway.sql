-- The model gateway: backends, tenants, leases, ledger.
select 1;
