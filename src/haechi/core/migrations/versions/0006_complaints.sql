-- On-site complaints: receipts, photos, routing, states.
select 1;
