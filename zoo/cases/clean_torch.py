"""A seeded network of torch with workers that load data, dropout, and an optimiser."""

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

import notabene

torch.manual_seed(3)
np.random.seed(3)
torch.set_num_threads(1)

if __name__ == "__main__":
    x = torch.from_numpy(np.random.normal(size=(64, 8)).astype("float32"))
    y = (x.sum(dim=1) > 0).long()
    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True, num_workers=1)
    model = torch.nn.Sequential(
        torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Dropout(0.1), torch.nn.Linear(16, 2)
    )
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    with notabene.init("zoo", config={"lr": 0.1}) as run:
        for epoch in range(2):
            for inputs, labels in loader:
                loss = torch.nn.functional.cross_entropy(model(inputs), labels)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            run.log({"loss": loss.item()}, step=epoch)
