-- Hand-off to people: tickets, office hours, timeline.
select 1;
