-- LOG: appends whole lines to the log of a job that runs, as far as there is room; the others are counted.
--
-- KEYS  the job, its log
-- ARGV  1 the time to live, 2 how many bytes the log may have, 3 lines that were cut before, 4 the lines
if redis.call('HGET', KEYS[1], 'status') ~= '1' then return 0 end
local lines, cut = ARGV[4], tonumber(ARGV[3])
local room = ARGV[2] - redis.call('STRLEN', KEYS[2])
if #lines > room then
  local kept = room
  while kept > 0 and string.byte(lines, kept) ~= 10 do kept = kept - 1 end
  local _, left = string.gsub(string.sub(lines, kept + 1), '\n', '')
  lines, cut = string.sub(lines, 1, kept), cut + left
end
if #lines > 0 then
  redis.call('APPEND', KEYS[2], lines)
  redis.call('PEXPIRE', KEYS[2], ARGV[1])
end
if cut > 0 then redis.call('HINCRBY', KEYS[1], 'cut', cut) end
return 1
