-- Mean of the weeks that a position was classed by: with the variation it gives their deviation.
alter table position_classes add column weekly_units double precision;
-- Classed anew by the next run.
truncate position_classes;
