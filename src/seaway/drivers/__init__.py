"""The engines: each folder drives one, with a real and a fake driver under one contract suite."""

import os

# gRPC's own care for forks, on by default, ends children that are forked while calls come in (a signal before their exec): programs would
# be lost at their start. Whoever forks here only execs, and needs none of it. gRPC reads this once, when it is imported: so it stands here.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
