# ruff: noqa: E501
"""Programs of other languages: harmless ones, and hostile ones with what each tries."""

from collections.abc import Mapping

WELL: Mapping[str, str] = {
    "c": '#include <stdio.h>\nint main(void) { printf("%d\\n", 6 * 7); return 0; }\n',
    "cpp": "#include <iostream>\n#include <vector>\nint main() { std::vector<int> v(42); std::cout << v.size() << std::endl; }\n",
    "java": (
        "import java.util.*;\n\nclass Helper { static int f(int x) { return x * 7; } }\n\n"
        "public class Answer {\n  public static void main(String[] given) { System.out.println(Helper.f(6)); }\n}\n"
    ),
    "javascript": "const { join } = require('path');\nconsole.log([6].map(x => x * 7)[0]);\njoin('a', 'b');\n",
    "go": 'package main\n\nimport (\n\t"fmt"\n\t"sort"\n)\n\nfunc main() {\n\ta := []int{42, 1}\n\tsort.Ints(a)\n\tfmt.Println(a[1])\n}\n',
    "ruby": "require 'set'\nputs Set.new([6]).map { |x| x * 7 }.first\n",
    "php": 'function f($x) { return $x * 7; }\necho f(6), "\\n";\n',
    "rust": 'fn main() {\n    let v: Vec<u32> = (0..42).collect();\n    println!("{}", v.len());\n}\n',
}

# Each prints HELD where what it tries is refused, and GOT with what it got where it is not.
_C = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n#include <fcntl.h>\n"
READS: Mapping[str, str] = {
    "c": _C + 'int main(void) { FILE *f = fopen("@", "r"); puts(f ? "GOT" : "HELD"); return 0; }\n',
    "cpp": '#include <fstream>\n#include <iostream>\nint main() { std::ifstream f("@"); std::cout << (f ? "GOT" : "HELD"); }\n',
    "java": (
        "import java.nio.file.*;\npublic class A { public static void main(String[] a) {\n"
        'try { Files.readAllBytes(Path.of("@")); System.out.println("GOT"); }\n'
        'catch (Exception e) { System.out.println("HELD"); } } }\n'
    ),
    "javascript": "try { require('fs').readFileSync('@'); console.log('GOT'); } catch (e) { console.log('HELD'); }\n",
    "go": (
        'package main\n\nimport (\n\t"fmt"\n\t"os"\n)\n\nfunc main() {\n\t_, err := os.ReadFile("@")\n'
        '\tif err == nil {\n\t\tfmt.Println("GOT")\n\t} else {\n\t\tfmt.Println("HELD")\n\t}\n}\n'
    ),
    "ruby": "begin\n  File.read('@')\n  puts 'GOT'\nrescue SystemCallError\n  puts 'HELD'\nend\n",
    "php": "error_reporting(0);\necho file_get_contents('@') === false ? 'HELD' : 'GOT';\n",
    "rust": ('fn main() { match std::fs::read("@") { Ok(_) => println!("GOT"), Err(_) => println!("HELD") } }\n'),
}
WRITES: Mapping[str, str] = {
    "c": _C + 'int main(void) { FILE *f = fopen("@", "w"); puts(f ? "GOT" : "HELD"); return 0; }\n',
    "javascript": "try { require('fs').writeFileSync('@', 'x'); console.log('GOT'); } catch (e) { console.log('HELD'); }\n",
    "java": READS["java"].replace('readAllBytes(Path.of("@"))', 'writeString(Path.of("@"), "x")'),
    "ruby": READS["ruby"].replace("File.read('@')", "File.write('@', 'x')"),
}
CONNECTS: Mapping[str, str] = {
    "c": _C
    + '#include <sys/socket.h>\nint main(void) { puts(socket(AF_INET, SOCK_STREAM, 0) < 0 ? "HELD" : "GOT"); }\n',
    "java": (
        "import java.net.*;\npublic class A { public static void main(String[] a) {\n"
        'try { new Socket("127.0.0.1", @); System.out.println("GOT"); }\n'
        'catch (Throwable e) { System.out.println("HELD"); } } }\n'
    ),
    "javascript": (
        "const s = require('net').connect(@, '127.0.0.1', () => { console.log('GOT'); s.end(); });\n"
        "s.on('error', () => console.log('HELD'));\n"
    ),
    "ruby": "require 'socket'\nbegin\n  TCPSocket.new('127.0.0.1', @)\n  puts 'GOT'\nrescue SystemCallError\n  puts 'HELD'\nend\n",
}
FORKS = _C + "int main(void) { for (;;) fork(); }\n"
DETACHES = (
    _C + "#include <sys/prctl.h>\nint main(void) {\n"
    '  if (fork() == 0) { setsid(); if (fork() == 0) { prctl(PR_SET_NAME, "left-behind"); sleep(1000); } _exit(0); }\n'
    "  sleep(1);\n  return 0;\n}\n"
)
HOGS: Mapping[str, str] = {
    "c": _C + "int main(void) { for (;;) { char *p = malloc(1 << 22); if (p) memset(p, 1, 1 << 22); } }\n",
    "java": (
        "import java.util.*;\npublic class A { public static void main(String[] a) {\n"
        "List<byte[]> l = new ArrayList<>(); for (;;) l.add(new byte[1 << 22]); } }\n"
    ),
    "javascript": "const a = []; for (;;) a.push(Buffer.alloc(1 << 22, 1));\n",
}
FLOODS = _C + 'int main(void) { for (;;) puts("more and more and more and more"); }\n'
SPINS = "int main(void) { for (;;) ; }\n"
SLEEPS = "#include <unistd.h>\nint main(void) { sleep(1000); }\n"
FILLS = _C + (
    'int main(void) { char b[4096] = {1}; for (int i = 0;; i++) { char n[32]; sprintf(n, "f%d", i);\n'
    "  int f = open(n, O_CREAT | O_WRONLY, 0600); for (int k = 0; k < 4096; k++) if (write(f, b, 4096) < 0) {\n"
    '    puts("HELD"); return 0; } close(f); } }\n'
)
SIGNALS = _C + '#include <signal.h>\nint main(void) { puts(kill(@, SIGTERM) < 0 ? "HELD" : "GOT"); }\n'
