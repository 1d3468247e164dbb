"""Texts of licences, as far as they tell them apart."""

MIT = "Permission is hereby granted, free of charge, to any person obtaining\na copy of this software"
BSD3 = "Redistribution and use in source and binary forms, with or without\nmodification. Neither the name of X nor"
