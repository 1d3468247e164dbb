import pytest

from coma_cli.syntax.ported_functions import why_not_port

PORTS = [
    ("public int getSize() {return size;}", "public virtual int GetSize(){return _size;}"),
    (
        "public int size() {return list.size();}",
        "public virtual int Size(){return list.Count;}",
    ),
    (
        'public String toString() {return String.format("mode(%d)", mode);}',
        'public override string ToString(){return string.Format("mode({0})", mode);}',
    ),
    (
        "public A(String name) {super(name);this.name = name;}",
        "public A(string name): base(name){this.name = name;}",
    ),
    (
        "public void remove() {throw new UnsupportedOperationException();}",
        "public void Remove(){throw new NotSupportedException();}",
    ),
    ("public short readShort(){return in.readShort();}", "public short ReadShort(){return @in.ReadShort();}"),
    (
        "public Buf slice() {return new RoBuf(limit, start);}",
        "public java.nio.Buf slice(){return new java.nio.RoBuf(_limit, start);}",
    ),
    (
        "public void f(String name) {if (name == null) throw new NullPointerException();}",
        'public void F(string name){if (name == null){throw new ArgumentNullException("name");}}',
    ),
    ('@SuppressWarnings("x") public String f() {return "";}', "public string F(){return string.Empty;}"),
    ("public int f() {return field_1_size;}", "public int F(){return field_1_size;}"),
]
FLUSH = "public void F(){Flush(all);}"
OTHERS = [
    (
        "public int f() {return types.f();}",
        "public int f(){throw new System.NotImplementedException();}",
        "implemented",
    ),
    ("public void f() {throw new UnsupportedOperationException();}", FLUSH, "not implemented"),
    ('public void f() {throw new E("not implemented");}', FLUSH, "not implemented"),
    ("public void f() {}", FLUSH, "empty"),
    ("public String getId() {return id;}", "public override void Validate(){base.Validate();}", "names differ"),
    ('public A() {super("a", "b");}', 'public A(): base("a", "c"){x = 1;}', "strings differ"),
    ("public void f(char[] b) {out.write(b);}", "public void F(char b){@out.Write(b);}", "parameters differ"),
    ("public void f(short[] b) {out.write(b);}", "public void F(long[] b){@out.Write(b);}", "parameters differ"),
    ("public void f(int b, int c) {out.write(b);}", "public void F(int b){@out.Write(b);}", "parameters differ"),
    ("public A f() {return copy();}", "public A F(){A rec = new A();rec.index = index;return rec;}", "other names"),
    ("public A f() {return new A(128, limit);}", "public A F(){return new A(512, limit);}", "other names"),
    ("public int f() {return field_1_size + a;}", "public int F(){return field_2_count + a;}", "names or types"),
    ("public int f() {return (short) red & mask;}", "public int F(){return (byte)red & mask;}", "names or types"),
]


@pytest.mark.parametrize(("java", "csharp"), PORTS)
def test_a_port_differs_only_as_the_languages_do(java, csharp):
    assert why_not_port(java, csharp) == ""


@pytest.mark.parametrize(("java", "csharp", "reason"), OTHERS)
def test_functions_that_do_different_things_are_no_port(java, csharp, reason):
    assert reason in why_not_port(java, csharp)
