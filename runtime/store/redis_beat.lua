-- BEAT: renews the heartbeats of nodes of one shard, unless the job has ended.
--
-- KEYS  the shard's mark of a job that has ended, the heartbeats
-- ARGV  1 the lease
-- Answers 3 if the job has ended, else 2: the numbers of the answers of joins.
if redis.call('EXISTS', KEYS[1]) == 1 then return 3 end
for i = 2, #KEYS do redis.call('SET', KEYS[i], '', 'PX', ARGV[1]) end
return 2
