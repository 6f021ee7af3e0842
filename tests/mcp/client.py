"""Drives a server of the Model Context Protocol with the protocol's own client library, as a coding agent does.

    client.py COMMAND [ARGUMENT…] <calls.json >answers.json

Reads a list of [tool, arguments], starts the command, and writes what it said of itself, its tools, and each answer.
"""

import asyncio
import json
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import Implementation


def plain(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


async def converse(command, arguments, calls):
    server = StdioServerParameters(command=command, args=arguments, env=dict(os.environ))
    async with stdio_client(server) as (reads, writes):
        about = Implementation(name="test-agent", version="1.0.0")
        async with ClientSession(reads, writes, client_info=about) as session:
            begun = plain(await session.initialize())
            tools = plain(await session.list_tools())["tools"]
            answers = [plain(await session.call_tool(tool, given)) for tool, given in calls]
            return {"begun": begun, "tools": tools, "answers": answers}


if __name__ == "__main__":
    told = asyncio.run(converse(sys.argv[1], sys.argv[2:], json.load(sys.stdin)))
    json.dump(told, sys.stdout)
