-- Bots: cards, versions, documents, test questions.
select 1;
