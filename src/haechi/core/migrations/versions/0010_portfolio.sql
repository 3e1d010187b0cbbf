-- The portfolio with its money, and the public register with every version.
select 1;
