-- Who closed an alert by hand; null where its cause ended. A feed that is silent for good is told
-- until it is heard again or somebody closes its alert.
alter table alerts add column resolved_by text;
