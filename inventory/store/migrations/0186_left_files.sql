-- Files of vendors that stay where they lie, so that nobody reads them again and again.
create table left_files (
    vendor text not null references vendors on delete cascade,
    -- `folder` on this machine, or `sftp`.
    way text not null check (way in ('folder', 'sftp')),
    name text not null,
    -- By which its folder tells that it is another file by now.
    size_bytes bigint not null,
    modified_at double precision not null,
    digest bytea,
    -- Whether it was taken: then it could not be removed. Else it could not be taken.
    taken boolean not null,
    problem text not null,
    left_since timestamptz not null,
    look_again_at timestamptz not null,
    primary key (vendor, way, name)
);
