# The libpq connection; read by CMakeLists.txt of this folder.
list(APPEND sources pgc.c pgc_rows.c pgc_unit.c)
