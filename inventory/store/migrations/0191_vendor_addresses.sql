-- What no mail could be sent to is no address: its vendor is among those without one.
update vendors set email = null
where email !~ '^[^\s@,;<>"]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$';
