-- PASSED: marks joins of one shard as passed (spec/protocol.md, P4.9).
--
-- KEYS  the records
-- ARGV  1 the time to live
for _, record in ipairs(KEYS) do
  redis.call('HSET', record, 'passed', 1)
  redis.call('PEXPIRE', record, ARGV[1])
end
return 1
