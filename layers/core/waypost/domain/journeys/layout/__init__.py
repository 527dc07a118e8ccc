"""Where the steps and arrows of a journey stand in its picture: a layered layout, after Sugiyama, Tagawa and Toda (1981).

Steps stand in rows from top to bottom, and the labels of arrows in rows of their own between them, so that nothing overlaps. Pure: the
same journey is always the same picture.
"""
