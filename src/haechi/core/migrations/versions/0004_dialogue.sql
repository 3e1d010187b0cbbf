-- Conversations with bots: turns, answers kept by people (FAQ), scenarios, what stayed unanswered.
select 1;
