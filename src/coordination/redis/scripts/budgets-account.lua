-- Before the scripts that may make accounts. ARGV: how long one is remembered beyond its window, and how far
-- ahead of it the clock may be of whoever asks.
local lateMs, aheadMs = ARGV[3], tonumber(ARGV[4])

-- Of a window that has not begun here: its clock is wrong.
local function isEarly(account)
  return account.start > now + aheadMs
end

-- Makes an account that is not known, or of an earlier window, with what is spent in it; whether it did.
local function begin(sums, leases, account, spent)
  local start = tonumber(redis.call("HGET", sums, "start"))
  if start ~= nil and start >= account.start then return false end
  redis.call("DEL", sums, leases)
  redis.call("HSET", sums, "start", whole(account.start), "since", whole(now), "spent", whole(spent), "held", "0")
  redis.call("PEXPIRE", sums, whole(math.max(account["end"] - now, 0) + lateMs))
  return true
end
