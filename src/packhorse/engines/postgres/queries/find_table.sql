-- The columns of a table, and which of them its primary key has.
select attribute.attname, pg_catalog.format_type(attribute.atttypid, attribute.atttypmod),
    CAST(not attribute.attnotnull AS integer), CAST(attribute.atthasdef or attribute.attidentity <> '' AS integer),
    CAST(attribute.attgenerated <> '' AS integer), coalesce(pg_catalog.array_position(CAST(keys.indkey AS smallint[]), attribute.attnum), -1)
from pg_catalog.pg_attribute as attribute
left join pg_catalog.pg_index as keys on keys.indrelid = attribute.attrelid and keys.indisprimary
where attribute.attrelid = pg_catalog.to_regclass(CAST(:name AS text)) and attribute.attnum > 0 and not attribute.attisdropped
order by attribute.attnum
