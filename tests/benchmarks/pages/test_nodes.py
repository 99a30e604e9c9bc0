from edgereader.benchmarks.pages.nodes import document, node


def test_text_and_attributes_are_escaped():
    made = document(node("p", "a <b> & ", node("i", "c"), "\x00d", title='"<>&', aria_label="x", class_="y"))
    assert made == (
        '<!doctype html>\n<p title="&quot;<&gt;&amp;" aria-label="x" class="y">a &lt;b&gt; &amp; <i>c</i>\ufffdd</p>\n'
    )


def test_what_is_none_is_left_out_and_lengths_are_short():
    assert document(node("rect", None, x=1.26, y=2.0, class_=None)) == '<!doctype html>\n<rect x="1.3" y="2"></rect>\n'
