-- What a job is doing: its rows go in together, so a count of rows alone would say nothing for long.
alter table jobs add column phase text not null default 'waiting';
