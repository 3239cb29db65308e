#!/usr/bin/env python3
"""No function of src/ calls itself, not by way of others either: the stack's depth is bounded.

The call graph is gcc's own (-fcallgraph-info) of unoptimised code, where nothing is inlined and no
tail call has become a loop. A call through a pointer has no edge in it.
"""

import concurrent.futures
import re
import subprocess
import tempfile

import arch

EDGE = re.compile(r'^edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"')
NODE = re.compile(r'^node: \{ title: "([^"]*)"')


def call_graph(job):
    """The edges of one C file: {caller: {callee, ...}}."""
    folder, source, directory = job
    stem = f"{directory}/{folder.name}-{source.stem}"
    subprocess.run(
        ["gcc", "-std=gnu11", "-O0", "-w", "-c", "-fcallgraph-info", '-DSL_VERSION="0"', "-mcx16" if X86 else "-O0",
         f"-I{arch.view(folder)}", str(source), "-o", f"{stem}.o"],
        check=True,
    )
    graph = {}
    with open(f"{stem}.ci", encoding="utf-8") as lines:
        for line in lines:
            edge, node = EDGE.match(line), NODE.match(line)
            if edge:
                graph.setdefault(edge.group(1), set()).add(edge.group(2))
            elif node:
                graph.setdefault(node.group(1), set())
    return graph


def find_cycles(graph):
    """One cycle from each strongly connected part that has any, as lists of names."""
    cycles = []
    finished = set()
    for start in sorted(graph):
        path, on_path = [start], {start}
        pending = [iter(sorted(graph[start]))]
        while pending and start not in finished:
            target = next(pending[-1], None)
            if target is None:
                pending.pop()
                name = path.pop()
                on_path.discard(name)
                finished.add(name)
            elif target in on_path:
                cycles.append(path[path.index(target):] + [target])
            elif target in graph and target not in finished:
                path.append(target)
                on_path.add(target)
                pending.append(iter(sorted(graph[target])))
    return cycles


def check_the_finder():
    loop = {"a": {"b"}, "b": {"c", "x"}, "c": {"a"}, "d": {"a"}}
    arch.ok(find_cycles(loop) == [["a", "b", "c", "a"]], "a cycle of three is found")
    arch.ok(find_cycles({"a": {"a"}}) == [["a", "a"]], "a function that calls itself is found")
    arch.ok(find_cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == [], "two ways to one function are no cycle")


X86 = arch.output_of("gcc", "-dumpmachine").startswith("x86_64")


def main():
    check_the_finder()
    graph = {}
    with tempfile.TemporaryDirectory() as directory, concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [(folder, source, directory) for folder in arch.folders() for source in sorted(folder.path.glob("*.c"))]
        for part in pool.map(call_graph, jobs):
            for caller, callees in part.items():
                graph.setdefault(caller, set()).update(callees)
    functions = [name for name in graph if graph[name]]
    arch.ok(len(functions) > 0, f"a call graph of {len(functions)} calling functions was read")
    arch.none([" calls ".join(cycle) for cycle in find_cycles(graph)], "no function reaches itself")
    arch.done()


main()
