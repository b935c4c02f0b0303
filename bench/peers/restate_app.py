"""Restate: one service whose handlers call ``ctx.run`` for each step."""

import restate

bench = restate.Service("bench")


async def add_one(value: int) -> int:
    return value + 1


@bench.handler()
async def chain(ctx: restate.Context, steps: int) -> int:
    value = 0
    for _ in range(steps):
        value = await ctx.run_typed("add_one", add_one, value=value)
    return value


@bench.handler()
async def fan_out(ctx: restate.Context, steps: int) -> int:
    tasks = [ctx.run_typed("add_one", add_one, value=n) for n in range(steps)]
    await restate.gather(*tasks)
    return sum([await task for task in tasks])


app = restate.app([bench])
