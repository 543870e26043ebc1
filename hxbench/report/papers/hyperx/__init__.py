"""The tables of Hyper-X (Üstün et al. 2022), one declarative file each over shared rows."""
