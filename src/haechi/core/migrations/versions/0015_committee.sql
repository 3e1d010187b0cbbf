-- The basic plan and the committee.
select 1;
