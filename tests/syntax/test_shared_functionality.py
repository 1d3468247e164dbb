import pytest

from coma_cli.syntax.shared_functionality import copies, seemingly_shared, visibly_shared

HASH = """String hash(String text) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("MD5");
    digest.update(text.getBytes());
    return toHex(digest.digest());
}"""
HASH_AMONG_MORE = """void store(User user) throws Exception {
    MessageDigest sha = MessageDigest.getInstance("SHA");
    sha.update(user.getPassword().getBytes());
    Attributes fields = new BasicAttributes();
    fields.put("password", encoder.encode(sha.digest()));
    context.modifyAttributes(user.getName(), fields); context.rename(user.getOld(), user.getName());
}"""
STREAM_COPY = """void copyFile(File from, File to) throws IOException {
    InputStream in = new FileInputStream(from); OutputStream out = new FileOutputStream(to);
    int n; while ((n = in.read(buffer)) > 0) out.write(buffer, 0, n);
    in.close(); out.close();
}"""
CHANNEL_COPY = """void put(File a, File b) throws IOException {
    FileChannel in = new FileInputStream(a).getChannel(), out = new FileOutputStream(b).getChannel();
    in.transferTo(0, in.size(), out); in.close(); out.close();
}"""
ZIP = """void pack(List<File> files, File to) throws IOException {
    ZipOutputStream out = new ZipOutputStream(new FileOutputStream(to));
    for (File file : files) {
        out.putNextEntry(new ZipEntry(file.getName()));
        InputStream in = new FileInputStream(file);
        while ((n = in.read(buffer)) > 0) out.write(buffer, 0, n);
        in.close(); out.closeEntry();
    }
    out.close();
}"""
TEST_OF_COPY = STREAM_COPY.replace("copyFile", "testCopyFile")
SORT = "void sort(int[] v) { for (int i = 0; i < v.length; i++) sift(v, i); }"
FETCH = """String load(String address) throws IOException {
    URLConnection connection = new URL(address).openConnection();
    BufferedReader in = new BufferedReader(new InputStreamReader(connection.getInputStream()));
    return in.readLine();
}"""
FETCH_OTHERWISE = FETCH.replace("load", "ask").replace("return in.readLine();", "log.info(in.readLine()); return null;")


PARSE_FROM_WEB = """Set<Unit> rates() throws IOException {
    InputStream in = new URL(resolver.address(Domain.A)).openStream(); Set<Unit> units = new HashSet<>();
    Scanner lines = new Scanner(in); while (lines.hasNextLine()) units.add(Unit.of(lines.nextLine().split(" ")));
    return units;
}"""
POST = """int send(String body) throws IOException {
    HttpPost post = new HttpPost(address); post.setEntity(new StringEntity(body));
    return client.execute(post).getStatusLine().getStatusCode();
}"""
ENCODE = """void encode(File from, File to) throws IOException {
    InputStream in = new Base64InputStream(new FileInputStream(from)); OutputStream out = new FileOutputStream(to);
    IOUtils.copy(in, out); out.close();
}"""
SAVE = """static void save(byte[] bytes, File file) throws IOException {
    InputStream in = new ByteArrayInputStream(bytes); OutputStream out = new FileOutputStream(file);
    IOUtils.copy(in, out); out.close();
}"""


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        (HASH, HASH_AMONG_MORE, True),
        (STREAM_COPY, CHANNEL_COPY, True),
        (STREAM_COPY, ZIP, False),  # both read and write streams, and only one of them copies
        (TEST_OF_COPY, CHANNEL_COPY, False),
        (STREAM_COPY, SAVE, False),  # what is given as bytes is written, not copied
        (HASH, FETCH, False),
        (SORT, HASH, True),  # its names say nothing
    ],
)
def test_streams_in_common_tell_nothing_unless_both_only_copy(first, second, shared):
    assert visibly_shared(first, second) == visibly_shared(second, first) == shared


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        (FETCH, FETCH_OTHERWISE, True),
        (PARSE_FROM_WEB, FETCH, True),  # nobody would say no: both load from an address
        (PARSE_FROM_WEB, POST, True),
        (POST, HASH, False),
        (HASH.replace("toHex", "new BASE64Encoder().encode"), ENCODE, True),
        (HASH, FETCH, False),
        (STREAM_COPY, ZIP, True),  # the one copies on the way to its archive
        (STREAM_COPY, SORT, False),
        (SORT, SORT.replace("sift", "bubble"), True),  # nearly the same tokens
        (SORT, HASH, False),
    ],
)
def test_what_looks_alike_is_no_example_of_functions_that_differ(first, second, shared):
    assert seemingly_shared(first, second) == seemingly_shared(second, first) == shared


def test_a_copying_function_is_named_so_or_does_nothing_else():
    assert [copies(code) for code in (STREAM_COPY, CHANNEL_COPY, ZIP, TEST_OF_COPY, HASH)] == [
        True,
        True,
        False,
        False,
        False,
    ]
