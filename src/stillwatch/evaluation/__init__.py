"""How we know: metrics with intervals, competitors, the score table. Detection imports none."""
