-- Courses, duty, certificates, the case book.
select 1;
