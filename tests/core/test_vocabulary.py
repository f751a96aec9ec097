from idp.core.vocabulary import ACR_LEVEL, ACRS_SUPPORTED, AMR, Factor, amr_of


def test_every_factor_has_an_amr_value() -> None:
    assert set(AMR) == set(Factor)


def test_amr_names_each_once_and_adds_mfa_for_two_kinds() -> None:
    assert amr_of([Factor.PASSWORD]) == ("pwd",)
    assert amr_of([Factor.TOTP, Factor.PASSWORD]) == ("pwd", "otp", "mfa")
    assert amr_of([Factor.PASSWORD, Factor.TOTP, Factor.RECOVERY_CODE]) == ("pwd", "otp", "mfa")


def test_levels_are_listed_weakest_first() -> None:
    levels = [ACR_LEVEL[acr] for acr in ACRS_SUPPORTED]
    assert levels == sorted(levels)
