-- The staff bot: reminders of stale documents, templates, messenger.
select 1;
