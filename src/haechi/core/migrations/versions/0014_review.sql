-- Pre-review, consulting, advice, trials: opinions, scores, diaries.
select 1;
