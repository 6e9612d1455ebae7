-- The formula over a manager's rules. Null: the largest need wins.
alter table managers add column combine text;
