-- What signs a webhook is made from the operator's secret and the subscription's id, and not kept.
alter table alert_subscriptions drop column secret;

-- Up to which event alerts have followed stock that ran low, ran out or came back.
create table alerts_followed (
    only_row boolean primary key default true check (only_row),
    sequence bigint not null
);
insert into alerts_followed (sequence) select coalesce(max(sequence), 0) from outbox;
