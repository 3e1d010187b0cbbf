-- Support of AI fees: schemes, rounds, draws, money.
select 1;
