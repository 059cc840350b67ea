-- Events are kept for some days. Up to where they are gone is remembered: sequences go on from there,
-- and who asks for what comes after an event that is long gone is told so.
create table outbox_pruned (
    one boolean primary key default true check (one),
    through_sequence bigint not null
);
insert into outbox_pruned (through_sequence) values (0);
