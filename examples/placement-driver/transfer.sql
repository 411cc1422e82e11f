\set source random(1, 100)
\set target 1 + (:source + random(0, 98)) % 100
\set amount random(1, 50)
begin;
select from accounts where id in (:source, :target) order by id for update;
update accounts set balance = balance - :amount where id = :source;
update accounts set balance = balance + :amount where id = :target;
insert into ledger (source, target, amount) values (:source, :target, :amount);
commit;
