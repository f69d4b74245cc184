-- KEEP: follows the SET of a value or a mark, and takes it back if the job has been removed (spec/store.md, S1.12).
--
-- KEYS  the shard's mark of a job that has ended, what was set
-- Answers 3 if the job has ended, else 2: the numbers of the answers of joins.
local mark = redis.call('GET', KEYS[1])
if not mark then return 2 end
if mark == 'removed' then redis.call('UNLINK', KEYS[2]) end
return 3
