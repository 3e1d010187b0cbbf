-- Alerts to the public, their messages, and the outbox.
select 1;
