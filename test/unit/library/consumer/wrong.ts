/** Each statement is wrong, and a compiler says so. */
import { inject, recover, status } from "timeskew";

const skew = await inject({ pid: 1, offset: "1s" });

await inject({ offset: "1s" });
await inject({ pid: 1 });
await inject({ pid: 1, offset: 600 });
await inject({ pid: 1, offset: undefined });
await inject({ pid: 1, ofset: "1s" });
await inject({ pid: "1", offset: "1s" });
await inject({ pid: undefined, offset: "1s" });
await inject({ tree: true, offset: "1s" });
await inject({ pid: 1, offset: "1s", clocks: "CLOCK_REALTME" });
await inject({ pid: 1, offset: "1s", partial: "ignore" });
await inject({ pid: 1, duration: "1s" });
await inject({ pid: 1, leap: "twice" });
await inject({ skew: "3f2a", offset: "1s" });
await inject({ all: true, offset: "1s" });
await recover({});
await recover({ pid: 1, all: true });
await recover({ skew: "3f2a", all: true });
await recover({ all: false });
await recover({ pid: 1, glide: false });
await status({ skew: 3 });
await skew.change({ pid: 1, offset: "1s" });
await skew.change({});
await skew.recover({ pid: 1 });
skew.id = "3f2a";
{
  using _ = skew;
}
