from tests.protocol.world import World, body_of


def test_a_code_becomes_tokens(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    tokens = world.tokens(client, secret, person, scope="openid profile")
    assert tokens["token_type"] == "Bearer"
    assert body_of(world.userinfo(tokens["access_token"]), 200)["name"] == "Erik Employee"
