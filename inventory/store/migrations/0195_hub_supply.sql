-- What a hub sends to the places that it supplies is a transfer like any other.

alter table transfer_lines drop constraint transfer_lines_reason_check;
alter table transfer_lines add constraint transfer_lines_reason_check check (reason in (
    'replenishment', 'stock_out_risk', 'pre_position', 'season', 'clearance', 'by_hand'));
