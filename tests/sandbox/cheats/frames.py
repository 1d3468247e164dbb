"""Programs that look for answers in frames, and in the objects that the interpreter holds."""

TEXTS = """
import sys, types
def texts(value, depth=0, seen=None):
    seen = set() if seen is None else seen
    if id(value) in seen or depth > 6:
        return
    seen.add(id(value))
    if type(value) in (str, bytes):
        yield value
    elif type(value) in (bytearray, memoryview):
        yield bytes(value)
    elif type(value) is dict:
        for key, item in list(value.items()):
            yield from texts(key, depth + 1, seen)
            yield from texts(item, depth + 1, seen)
    elif type(value) in (list, tuple, set, frozenset):
        for item in list(value):
            yield from texts(item, depth + 1, seen)
    elif isinstance(value, types.CodeType):
        yield from texts(value.co_consts, depth + 1, seen)
    elif isinstance(value, types.FunctionType):
        for held in (value.__code__, value.__defaults__, value.__dict__, value.__closure__):
            yield from texts(held, depth + 1, seen)
    elif isinstance(value, types.CellType):
        yield from texts(attempt(lambda: value.cell_contents), depth + 1, seen)
    elif isinstance(value, BaseException):
        yield from texts([value.args, value.__context__, value.__cause__], depth + 1, seen)
    elif isinstance(getattr(value, "__dict__", None), dict):
        yield from texts(value.__dict__, depth + 1, seen)
"""
COLLECTOR = (
    TEXTS
    + """
import gc
def blobs():
    gc.unfreeze()
    for generation in (None, 0, 1, 2):
        for item in gc.get_objects(generation=generation):
            yield from texts(item, 5)
            if isinstance(item, types.FrameType):
                yield from texts([item.f_locals, item.f_globals], 2)
"""
)
REFERRERS = (
    TEXTS
    + """
import gc
def blobs():
    around, seen = [blobs, sys, type, sys.modules, *sys.modules.values()], set()
    for _ in range(3):
        near = gc.get_referrers(*around)[:4000] + gc.get_referents(*around)[:20000]
        around = [item for item in near if id(item) not in seen]
        seen.update(map(id, around))
        for item in around:
            yield from texts(item, 4)
"""
)
FRAMES = (
    TEXTS
    + """
def blobs():
    frame, count = sys._getframe(), 0
    while frame is not None:
        yield from texts([frame.f_locals, frame.f_globals, frame.f_builtins, frame.f_code])
        frame, count = frame.f_back, count + 1
"""
)
STACK = (
    TEXTS
    + """
import inspect
def blobs():
    for info in inspect.stack(50):
        yield repr(info.code_context)
        yield from texts([info.frame.f_locals, info.frame.f_globals])
        yield attempt(inspect.getsource, info.frame) or ""
    for place in (attempt(inspect.getouterframes, sys._getframe()) or ()):
        yield repr(inspect.getargvalues(place.frame))
"""
)
THREADS = (
    TEXTS
    + """
import threading
def blobs():
    for frame in sys._current_frames().values():
        while frame is not None:
            yield from texts([frame.f_locals, frame.f_globals])
            frame = frame.f_back
    for thread in threading.enumerate():
        yield from texts(thread.__dict__)
    seen = []
    thread = threading.Thread(target=lambda: seen.extend(sys._current_frames().values()))
    thread.start()
    thread.join()
    for frame in seen:
        while frame is not None:
            yield from texts(frame.f_locals)
            frame = frame.f_back
"""
)
TRACEBACKS = (
    TEXTS
    + """
import traceback
def blobs():
    try:
        raise LookupError
    except LookupError as error:
        trace, context = error.__traceback__, error
    while context is not None:
        trace = context.__traceback__
        while trace is not None:
            frame = trace.tb_frame
            while frame is not None:
                yield from texts([frame.f_locals, frame.f_globals])
                frame = frame.f_back
            trace = trace.tb_next
        yield from texts(context.args)
        context = context.__context__
    yield from texts([getattr(sys, name, None) for name in ("last_value", "last_exc", "last_traceback", "exc_info")])
    yield "".join(traceback.format_stack())
"""
)
MODULES = (
    TEXTS
    + """
def blobs():
    for module in list(sys.modules.values()):
        yield from texts(getattr(module, "__dict__", None), 2)
    for kind in object.__subclasses__():
        yield from texts(dict(kind.__dict__), 3)
        for inner in attempt(kind.__subclasses__) or ():
            yield from texts(dict(inner.__dict__), 3)
"""
)
CACHES = (
    TEXTS
    + """
import functools, gc, linecache, warnings
def blobs():
    yield from texts([linecache.cache, sys.path_importer_cache, sys.warnoptions, re.__dict__.get("_cache")])
    yield from texts([vars(re), vars(warnings), vars(functools), globals()])
    for item in gc.get_objects():
        if isinstance(item, functools._lru_cache_wrapper):
            yield repr(item.cache_info())
            yield from texts(gc.get_referents(item), 2)
"""
)
PROFILE = (
    TEXTS
    + """
import threading
SEEN = []
def look(frame, event, argument):
    while frame is not None and len(SEEN) < 4000:
        SEEN.append([dict(frame.f_locals), argument])
        frame = frame.f_back
sys.setprofile(look)
threading.setprofile(look)
def blobs():
    sys.setprofile(None)
    threading.setprofile(None)
    for seen in SEEN:
        yield from texts(seen, 3)
"""
)
SUSPENDED = (
    TEXTS
    + """
import gc
KINDS = {"gi_frame": types.GeneratorType, "cr_frame": types.CoroutineType, "ag_frame": types.AsyncGeneratorType}
def blobs():
    gc.unfreeze()
    for item in gc.get_objects():
        for name, kind in KINDS.items():
            frame = getattr(item, name, None) if isinstance(item, kind) else None
            if frame is not None and item.__qualname__ not in ("blobs", "texts"):
                yield from texts([frame.f_locals, frame.f_code])
"""
)
SLOTS = (
    TEXTS
    + """
import gc
def members(item):
    for kind in type(item).__mro__:
        for name, member in list(vars(kind).items()):
            if isinstance(member, (types.MemberDescriptorType, types.GetSetDescriptorType)):
                yield attempt(member.__get__, item)

def blobs():
    gc.unfreeze()
    for item in gc.get_objects():
        if type(item).__module__ not in ("builtins", "_frozen_importlib", "_abc", "_weakrefset"):
            for value in members(item):
                yield from texts(value, 3)
"""
)
GARBAGE = (
    TEXTS
    + """
import gc
def blobs():
    gc.unfreeze()
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    for item in gc.garbage:
        yield from texts(item, 3)
"""
)

TECHNIQUES = {
    "collector": COLLECTOR,
    "referrers": REFERRERS,
    "frames": FRAMES,
    "inspect.stack": STACK,
    "threads": THREADS,
    "tracebacks": TRACEBACKS,
    "modules": MODULES,
    "caches": CACHES,
    "profile hook": PROFILE,
    "suspended generators": SUSPENDED,
    "slots": SLOTS,
    "garbage": GARBAGE,
}
