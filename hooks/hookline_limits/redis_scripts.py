"""What runs inside of Redis, each script in one step that nothing else comes between.

Keys: that of the owner (a process), then one per counter. A counter is a hash: ``:SLOT`` holds what was
settled, ``OWNER:SLOT`` what that owner has set aside. An owner is a hash with its reservations, each with the
slots that it was made in; it lives as long as its lease, and what it set aside counts as long as it lives.
A reservation that was settled before it was made, because its request came late, leaves a key of its own for
an hour: ``OWNER:RESERVATION``. Nothing is set aside under that number any more.

No counter is ever given less time to live than it has: each slot of it needs its own.

Numbers are doubles inside: exact up to 9 * 10^15, which is nine million dollars in nano-dollars. What is
stored is added as whole numbers of 64 bits.
"""

from __future__ import annotations

_TIME = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local DAY = 86400000000

-- Day numbers to years and months and back, for years that begin in March, so that leap days come last.
local function month_at(us)
  local days = math.floor(us / DAY) + 719468
  local era = math.floor(days / 146097)
  local of_era = days - era * 146097
  local year = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524)
    - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * of_year + 2) / 153)
  year = year + era * 400
  if month < 10 then return year * 12 + month + 2 end
  return (year + 1) * 12 + month - 10
end

local function month_start(number)
  local year, month = math.floor(number / 12), number % 12 + 1
  if month <= 2 then year = year - 1; month = month + 9 else month = month - 3 end
  local era = math.floor(year / 400)
  local of_era = year - era * 400
  local of_year = math.floor((153 * month + 2) / 5)
  return (era * 146097 + of_era * 365 + math.floor(of_era / 4) - math.floor(of_era / 100) + of_year
    - 719468) * DAY
end

local function slot_at(mode, slot_us)
  if mode == 'window' then return math.floor(now / slot_us) end
  if mode == 'day' then return math.floor(now / DAY) end
  if mode == 'month' then return month_at(now) end
  return 0
end

-- When a slot no longer counts; nil for what counts as long as it lasts.
local function end_of(mode, slot_us, slot)
  if mode == 'window' then return (slot + 11) * slot_us end
  if mode == 'day' then return (slot + 1) * DAY end
  if mode == 'month' then return month_start(slot + 1) end
  return nil
end

local function whole(number) return string.format('%.0f', number) end

-- Keep a key so many milliseconds; longer, if it is kept longer already.
local function keep(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, whole(ms)) end
end

local function ms_until(finish) return math.max(0, finish - now) / 1000 + 60000 end
"""

# ARGV: own name, 1 to begin the lease, lease in ms, reservation, keep in ms; per counter: mode, slot, reach,
# amount, limit. Without a reservation nothing is taken: it is a look.
TAKE = (
    _TIME
    + """
local owner_key, owner = KEYS[1], ARGV[1]
local prefix = string.sub(owner_key, 1, #owner_key - #owner)
if ARGV[4] ~= '' and redis.call('EXISTS', owner_key .. ':' .. ARGV[4]) == 1 then return {'undone'} end
if ARGV[2] == '1' then
  redis.call('HSET', owner_key, 'lease', '1')
  redis.call('PEXPIRE', owner_key, ARGV[3])
elseif ARGV[4] ~= '' and redis.call('EXISTS', owner_key) == 0 then
  return {'lost'}
end

local known = {}
local function is_alive(name)
  if known[name] == nil then known[name] = redis.call('EXISTS', prefix .. name) == 1 end
  return known[name]
end

local places, worst, worst_wait, worst_used = {}, nil, -2, 0
for i = 2, #KEYS do
  local at = 5 + (i - 2) * 5
  local mode, slot_us, reach = ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local slot = slot_at(mode, slot_us)
  local fields = redis.call('HGETALL', KEYS[i])
  local used, slots, amounts = 0, {}, {}
  for j = 1, #fields, 2 do
    local holder, number = string.match(fields[j], '^(.-):(%d+)$')
    local amount, of = tonumber(fields[j + 1]), tonumber(number)
    if of < slot - reach or (holder ~= '' and not is_alive(holder)) then
      redis.call('HDEL', KEYS[i], fields[j])
    else
      if holder == '' and of > slot then -- the clock was set back: it counts from now on
        redis.call('HINCRBY', KEYS[i], ':' .. slot, fields[j + 1])
        redis.call('HDEL', KEYS[i], fields[j])
        keep(KEYS[i], ms_until(end_of(mode, slot_us, slot)))
        of = slot
      end
      used = used + amount
      if amounts[of] == nil then slots[#slots + 1] = of end
      amounts[of] = (amounts[of] or 0) + amount
    end
  end
  table.sort(slots)
  local amount = tonumber(ARGV[at + 4])
  local excess = used + amount - tonumber(ARGV[at + 5])
  if excess > 0 and ARGV[4] ~= '' then
    local wait = -1
    for _, of in ipairs(slots) do
      excess = excess - amounts[of]
      if excess <= 0 then
        local finish = end_of(mode, slot_us, of)
        if finish then wait = math.max(0, finish - now) end
        break
      end
    end
    if wait > worst_wait then worst, worst_wait, worst_used = i - 2, wait, used end
  end
  local finish = end_of(mode, slot_us, slots[1] or slot)
  places[#places + 1] = {slot, used + amount, finish and math.max(0, finish - now) or -1}
end
if worst then return {'refused', worst, whole(worst_used), whole(worst_wait)} end

local reply, numbers = {'taken'}, {}
for i = 2, #KEYS do
  local at, place = 5 + (i - 2) * 5, places[i - 1]
  if ARGV[4] ~= '' then
    if ARGV[at + 4] ~= '0' then
      redis.call('HINCRBY', KEYS[i], owner .. ':' .. place[1], ARGV[at + 4])
    end
    local finish = end_of(ARGV[at + 1], tonumber(ARGV[at + 2]), place[1])
    keep(KEYS[i], finish and ms_until(finish) or tonumber(ARGV[5]))
  end
  numbers[#numbers + 1] = place[1]
  reply[#reply + 1] = place[1]
  reply[#reply + 1] = whole(place[2])
  reply[#reply + 1] = whole(place[3])
end
if ARGV[4] ~= '' then redis.call('HSET', owner_key, ARGV[4], table.concat(numbers, ',')) end
return reply
"""
)

# ARGV: own name, reservation; per counter: mode, slot, set aside, really taken, number of the slot or -1.
# What would take a counter near to the end of 64 bits is left out: no limit is as large as what is there.
SETTLE = (
    _TIME
    + """
local owner_key, owner = KEYS[1], ARGV[1]
local held = redis.call('HGET', owner_key, ARGV[2])
if not held then -- settled before, or not taken yet, or its owner was forgotten
  local is_first = redis.call('SET', owner_key .. ':' .. ARGV[2], '1', 'NX', 'PX', 3600000)
  if not is_first or redis.call('EXISTS', owner_key) == 1 then return 0 end
end
local slots = {}
if held then for number in string.gmatch(held, '%d+') do slots[#slots + 1] = tonumber(number) end end
for i = 2, #KEYS do
  local at = 2 + (i - 2) * 5
  local mode, slot_us = ARGV[at + 1], tonumber(ARGV[at + 2])
  local slot = slots[i - 1] or tonumber(ARGV[at + 5])
  if held and ARGV[at + 3] ~= '0' then
    local field = owner .. ':' .. slot
    if redis.call('HEXISTS', KEYS[i], field) == 1
      and redis.call('HINCRBY', KEYS[i], field, '-' .. ARGV[at + 3]) <= 0 then
      redis.call('HDEL', KEYS[i], field)
    end
  end
  local finish = slot >= 0 and end_of(mode, slot_us, slot)
  if finish and finish > now and ARGV[at + 4] ~= '0' then
    if tonumber(redis.call('HGET', KEYS[i], ':' .. slot) or 0) < 2e17 then
      redis.call('HINCRBY', KEYS[i], ':' .. slot, ARGV[at + 4])
    end
    keep(KEYS[i], ms_until(finish))
  end
end
if held then redis.call('HDEL', owner_key, ARGV[2]) end
return 1
"""
)
