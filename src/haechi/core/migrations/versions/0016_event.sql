-- Smart Life Week.
select 1;
