list(APPEND sources pgc.c)
