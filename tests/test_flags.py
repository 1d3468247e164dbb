from coma_cli.flags import OPTIONS, Flag


def test_a_flag_is_called_by_its_long_name():
    assert Flag("-k", "--k").long_name == "--k"
    assert Flag("--allow-unsafe", "--i-know").long_name == "--allow-unsafe"


def test_a_flag_takes_one_value_unless_it_says_otherwise():
    flag = Flag("--x")
    assert (flag.panel, flag.split, flag.repeat, flag.sets, flag.hidden) == (OPTIONS, False, False, None, False)
