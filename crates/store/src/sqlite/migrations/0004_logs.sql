-- A line tells whether it is of a function or a job, and which stream it was written to. System and security lines are
-- few among many: they have an index of their own.
ALTER TABLE logs ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE logs ADD COLUMN stream TEXT NOT NULL DEFAULT '';
UPDATE logs SET kind = 'function' WHERE workload <> '';
CREATE INDEX logs_of_the_house ON logs (project, id) WHERE category <> 'execution';
